// What kind of scenario it is, and the file of a script. The file is sent when the
// scenario is kept; whether the server runs scripts, the API says.
import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';
import { Info } from '../../app/Info';
import { asKind, endingsOf, fileFault, kindOf, KINDS, nameOf, oneOf, scriptOf, withScript, type Kind } from '../../plan/scripts';
import type { Fields } from '../../plan/words';
import { Inert } from '../../ui/parts';
import { Choose } from './Choose';
import type { Part } from './common';

interface Props extends Part {
  files: File[];
  setFiles: (files: File[]) => void;
}

/** The kinds, beside the heading of what is requested. */
export function KindChoice({ draft, change, setFiles, written }: Pick<Props, 'draft' | 'change' | 'setFiles'> & { written: Map<Kind, Fields> }) {
  const kind = kindOf(draft);
  const choose = (next: Kind) => {
    written.set(kind, { fileType: draft['fileType'], testScenario: draft['testScenario'] });
    const before = written.get(next);
    change(before ? { ...draft, testType: next, ...before } : asKind(draft, next));
    setFiles([]);
  };
  return <SegmentedControl label="Kind" selectedId={kind} options={KINDS.map((one) => ({ id: one.kind, text: one.name }))} onChange={({ detail }) => choose(detail.selectedId as Kind)} />;
}

export function Script({ draft, change, files, setFiles, kinds }: Props & { kinds: ReactNode }) {
  const kind = kindOf(draft);
  const name = scriptOf(draft);
  const [file] = files;
  const fault = file ? fileFault(kind, file.name, file.size) : '';
  const take = (chosen: File[]) => {
    setFiles(chosen);
    const [one] = chosen;
    if (one && fileFault(kind, one.name, one.size) === '') change(withScript(draft, one.name));
  };
  return (
    <Container header={<Header variant="h2" info={<Info topic="scripts" of="scripts" />} actions={kinds} description={`A ${nameOf(kind)} script, or a zip with one and what it needs.`}>Script</Header>}>
      <SpaceBetween size="s">
        <Alert type="info">{nameOf(kind)} runs the script as it is, where the runners have it. A server runs scripts only if it was started with <code>dlt up --scripts</code>; else they are kept.</Alert>
        <FormField label="Script or zip" stretch>
          <Choose files={files} change={take} isMany={false} accept={endingsOf(kind)} fault={fault} constraint={`Ends with ${oneOf(endingsOf(kind))}. It is sent when the scenario is kept.`} />
        </FormField>
        {name !== '' && !file && <span>Kept now: <Inert>{name}</Inert></span>}
      </SpaceBetween>
    </Container>
  );
}
