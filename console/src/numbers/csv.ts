// Tables as CSV (RFC 4180). A text that a spreadsheet would take for a formula gets an
// apostrophe in front: labels and messages come from targets.

export type Cell = string | number | null | undefined;

/** How a formula begins, and what some programs skip in front of one; a semicolon begins a cell in many countries. */
const FORMULA = /(^|;)(?=[\s\p{Cc}"']*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/gu;

export function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const safe = value.replace(FORMULA, "$1'");
  return /[",;\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
