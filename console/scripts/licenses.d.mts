import type { Plugin } from 'vite';

export interface Package {
  name: string;
  version: string;
  license: string;
  text: string;
}
export function folderOf(module: string): string | undefined;
export function packagesOf(modules: Iterable<string>): Promise<Package[]>;
export function noticesOf(packages: Package[]): string;
export function licenses(): Plugin;
