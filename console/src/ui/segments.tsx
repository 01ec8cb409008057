// A choice among few things with its label: buttons side by side, a list where the window is
// narrow. The label stands once in both.
import FormField from '@cloudscape-design/components/form-field';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import { useId } from 'react';

interface Props {
  label: string;
  description?: string;
  selected: string;
  options: { id: string; text: string }[];
  choose: (id: string) => void;
}

export function Segments({ label, description, selected, options, choose }: Props) {
  const id = useId();
  return (
    <FormField label={<span id={id}>{label}</span>} {...(description ? { description } : {})}>
      <SegmentedControl ariaLabelledby={id} selectedId={selected} options={options} onChange={({ detail }) => choose(detail.selectedId)} />
    </FormField>
  );
}
