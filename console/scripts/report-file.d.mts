// Types of report-file.mjs, for the build's configuration and tests.
export const DATA_PLACE: string;
export function asInline(code: string): string;
export function makeReport(template: string, code: string, styles: string, notices?: string): string;
