// Files that requests name: data, bodies and certificates. Those of a kept scenario are
// sent at once, those of a new one when it is kept.
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { ask, seg } from '../../api/client';
import { upload } from '../../api/files';
import { useChange } from '../../api/queries';
import type { Artifact } from '../../api/types';
import { ChangeButton } from '../../app/Change';
import { flash, flashError } from '../../app/flash';
import { useReadOnly } from '../../app/user';
import { bytes } from '../../numbers/format';
import { bounded, Failed, Inert } from '../../ui/parts';
import { Choose } from './Choose';

const HEADER = <Header variant="h2" description="Named by path in data-sources, body-file, upload-files and tls: a data source that reads people.csv needs a file of that name.">Files</Header>;

/** `sent` is told what was chosen here and kept, and what was taken away. */
export function Files({ test, sent }: { test: string; sent: (change: { added?: File[]; removed?: string }) => void }) {
  const readOnly = useReadOnly();
  const path = `/scenarios/${seg(test)}/files`;
  const files = useQuery({ queryKey: ['files', test], queryFn: async () => (await ask<{ files: Artifact[] }>(path)).files });
  const send = useChange(async (chosen: File[]) => {
    for (const file of chosen) {
      await upload(test, file);
      sent({ added: [file] });
    }
    return chosen.length;
  });
  const remove = useChange(async (name: string) => {
    await ask(`${path}/${seg(name)}`, { method: 'DELETE' });
    sent({ removed: name });
  });
  return (
    <Container header={HEADER}>
      <SpaceBetween size="s">
        {files.data?.length === 0 && <span className="muted">It has no file.</span>}
        {files.error ? <Failed error={files.error} what="The files" again={() => void files.refetch()} /> : (files.data ?? []).map((file) => (
          <SpaceBetween key={file.key + file.name} direction="horizontal" size="s" alignItems="center">
            <Inert most={120}>{file.name}</Inert>
            <span className="muted">{bytes(file.bytes)}</span>
            <ChangeButton variant="icon" iconName="remove" ariaLabel={`Delete ${bounded(file.name, 100)}`} onClick={() => remove.mutate(file.name, { onError: flashError('The file was not deleted') })} />
          </SpaceBetween>
        ))}
        {readOnly ? <span className="muted">{readOnly}</span> : <FormField label="Add files">
          <Choose isMany files={[]} change={(chosen) => send.mutate(chosen, { onSuccess: (n) => flash('success', `${n} ${n === 1 ? 'file is' : 'files are'} kept.`), onError: flashError('A file was not kept') })} />
        </FormField>}
      </SpaceBetween>
    </Container>
  );
}

export function NewFiles({ files, setFiles }: { files: File[]; setFiles: (files: File[]) => void }) {
  return (
    <Container header={HEADER}>
      <FormField label="Files (optional)">
        <Choose isMany files={files} change={setFiles} constraint="They are sent when the scenario is kept." />
      </FormField>
    </Container>
  );
}
