// What the parts of the form share: the draft with its faults, and a text field that
// belongs to a path of it.
import FormField from '@cloudscape-design/components/form-field';
import Input, { type InputProps } from '@cloudscape-design/components/input';
import type { ReactNode } from 'react';
import type { Fault } from '../../api/client';
import { faultsAt, get, set, type Path } from '../../plan/draft';
import type { Fields } from '../../plan/words';

export interface Part {
  draft: Fields;
  change: (next: Fields) => void;
  faults: Fault[];
}

interface FieldProps extends Part {
  path: Path;
  label: string;
  description?: ReactNode;
  constraint?: string;
  placeholder?: string;
  type?: InputProps.Type;
  /** How the text becomes a value; undefined takes the key away. */
  read?: (text: string) => unknown;
}

export const asText = (text: string) => (text === '' ? undefined : text);
export const asNumber = (text: string) => (text === '' ? undefined : /^\d+(\.\d+)?$/.test(text) ? Number(text) : text);

export function TextField({ draft, change, faults, path, label, description, constraint, placeholder, type, read = asText }: FieldProps) {
  const value = get(draft, path);
  return (
    <FormField label={label} description={description} constraintText={constraint} errorText={faultsAt(faults, path)}>
      <Input
        value={value === undefined || value === null ? '' : Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value)}
        placeholder={placeholder ?? ''}
        {...(type ? { type } : {})}
        inputMode={type === 'number' ? 'decimal' : 'text'}
        onChange={({ detail }) => change(set(draft, path, read(detail.value)))}
      />
    </FormField>
  );
}
