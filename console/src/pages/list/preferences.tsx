// What a person sets of a list: how many rows a page has, which columns it shows and in
// which order. Kept in this browser, a list a key; what cannot be read is as if not set.
import CollectionPreferences, { type CollectionPreferencesProps } from '@cloudscape-design/components/collection-preferences';
import { useState } from 'react';
import { count } from '../../numbers/format';
import { inThisBrowser } from '../../ui/kept';
import { preferencesOf, type Column, type Preferences } from './kept';

const keyOf = (list: string) => `dlt-list-${list}`;

export function usePreferences(list: string, columns: readonly Column[], pageSize = 20): [Preferences, (next: Preferences) => void] {
  const [preferences, set] = useState(() => preferencesOf(inThisBrowser.get(keyOf(list)), columns, pageSize));
  return [
    preferences,
    (next) => {
      set(next);
      inThisBrowser.set(keyOf(list), JSON.stringify(next));
    },
  ];
}

interface Props {
  columns: readonly Column[];
  preferences: Preferences;
  set: (next: Preferences) => void;
  what: string;
}

export function ListPreferences({ columns, preferences, set, what }: Props) {
  const options: CollectionPreferencesProps.ContentDisplayOption[] = columns.map(({ id, name, isFixed }) => ({ id, label: name, ...(isFixed ? { alwaysVisible: true } : {}) }));
  return (
    <CollectionPreferences
      title="Preferences"
      confirmLabel="Use"
      cancelLabel="Leave"
      preferences={{ pageSize: preferences.pageSize, contentDisplay: preferences.columns }}
      pageSizePreference={{ title: 'Rows of a page', options: [20, 50, 100].map((value) => ({ value, label: `${count(value)} ${what}` })) }}
      contentDisplayPreference={{ title: 'Columns', description: 'Those that are on are shown, in this order.', options }}
      onConfirm={({ detail }) => set({ pageSize: detail.pageSize ?? preferences.pageSize, columns: [...(detail.contentDisplay ?? preferences.columns)] })}
    />
  );
}
