import { expect, it } from 'vitest';
import { preferencesOf, type Column } from './kept';

const COLUMNS: Column[] = [{ id: 'name', name: 'Name', isFixed: true }, { id: 'p95', name: 'p95' }, { id: 'id', name: 'Id', isExtra: true }];

it('begins with all columns that are not extra', () => {
  const columns = [{ id: 'name', visible: true }, { id: 'p95', visible: true }, { id: 'id', visible: false }];
  for (const kept of [null, '', 'nonsense', '7', 'null', '{"pageSize":7,"columns":"x"}']) {
    expect(preferencesOf(kept, COLUMNS, 20)).toEqual({ pageSize: 20, columns });
  }
});

it('keeps order and choice, drops what is unknown or told twice, adds what is new', () => {
  const kept = JSON.stringify({ pageSize: 50, columns: [{ id: 'p95', visible: false }, { id: 'gone', visible: true }, { id: 'p95', visible: true }, { id: 'name', visible: false }] });
  expect(preferencesOf(kept, COLUMNS, 20)).toEqual({
    pageSize: 50,
    columns: [{ id: 'p95', visible: false }, { id: 'name', visible: true }, { id: 'id', visible: false }],
  });
});
