// Preferences of a list as they are kept: read with care, since a newer console may have
// other columns than the one that wrote them.

export interface Column {
  id: string;
  name: string;
  /** It cannot be hidden. */
  isFixed?: boolean;
  /** Hidden unless a person shows it. */
  isExtra?: boolean;
}

export interface Preferences {
  pageSize: number;
  /** All columns in their order. */
  columns: { id: string; visible: boolean }[];
}

const PAGE_SIZES = [20, 50, 100];

export function preferencesOf(kept: string | null, columns: readonly Column[], pageSize: number): Preferences {
  const fresh = columns.map(({ id, isExtra }) => ({ id, visible: isExtra !== true }));
  const value = read(kept);
  const rows = Array.isArray(value['columns']) ? (value['columns'] as unknown[]) : [];
  const known = rows.flatMap((row) => {
    const { id, visible } = (row ?? {}) as { id?: unknown; visible?: unknown };
    const column = columns.find((one) => one.id === id);
    return column ? [{ id: column.id, visible: column.isFixed === true || visible === true }] : [];
  });
  const once = known.filter((row, at) => known.findIndex((other) => other.id === row.id) === at);
  // Columns that are new stand at the end, as they are unless set.
  const added = fresh.filter((row) => !once.some((other) => other.id === row.id));
  const size = Number(value['pageSize']);
  return { pageSize: PAGE_SIZES.includes(size) ? size : pageSize, columns: once.length > 0 ? [...once, ...added] : fresh };
}

function read(kept: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(kept ?? '{}');
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
