// Files of a kept scenario: data, bodies and certificates that its requests name.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FileUpload from '@cloudscape-design/components/file-upload';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { ask, seg } from '../../api/client';
import { upload } from '../../api/files';
import { useChange } from '../../api/queries';
import type { Artifact } from '../../api/types';
import { flash, flashError } from '../../app/flash';
import { bytes } from '../../numbers/format';
import { Failed, Inert } from '../../ui/parts';

export function Files({ test }: { test: string }) {
  const path = `/scenarios/${seg(test)}/files`;
  const files = useQuery({ queryKey: ['files', test], queryFn: async () => (await ask<{ files: Artifact[] }>(path)).files });
  const send = useChange(async (chosen: File[]) => {
    for (const file of chosen) await upload(test, file);
    return chosen.length;
  });
  const remove = useChange((name: string) => ask(`${path}/${seg(name)}`, { method: 'DELETE' }));
  return (
    <Container header={<Header variant="h2" description="Named by path in data-sources, body-file, upload-files and tls.">Files</Header>}>
      <SpaceBetween size="s">
        {files.error ? <Failed error={files.error} what="The files" /> : (files.data ?? []).map((file) => (
          <SpaceBetween key={file.key} direction="horizontal" size="s" alignItems="center">
            <Inert>{file.name}</Inert>
            <span className="muted">{bytes(file.bytes)}</span>
            <Button variant="icon" iconName="remove" ariaLabel={`Delete ${file.name}`} onClick={() => remove.mutate(file.name, { onError: flashError('The file was not deleted') })} />
          </SpaceBetween>
        ))}
        <FormField label="Add files">
          <FileUpload
            multiple
            value={[]}
            onChange={({ detail }) => send.mutate(detail.value, { onSuccess: (n) => flash('success', `${n} ${n === 1 ? 'file is' : 'files are'} kept.`), onError: flashError('A file was not kept') })}
            i18nStrings={{
              uploadButtonText: (many) => (many ? 'Choose files' : 'Choose a file'),
              dropzoneText: (many) => (many ? 'Drop files here' : 'Drop a file here'),
              removeFileAriaLabel: (at) => `Remove file ${at + 1}`,
              limitShowFewer: 'Show fewer',
              limitShowMore: 'Show more',
              errorIconAriaLabel: 'Error',
              warningIconAriaLabel: 'Warning',
            }}
          />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}
