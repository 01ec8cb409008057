// The same scenario as YAML or JSON. Text and form are two views of one draft: a text
// that cannot be read changes nothing, and says where it is wrong.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { parseDocument, stringify } from 'yaml';
import type { Fields } from '../../plan/words';

export default function Yaml({ draft, change }: { draft: Fields; change: (next: Fields) => void }) {
  const [format, setFormat] = useState('yaml');
  const [text, setText] = useState<string>();
  const [error, setError] = useState('');
  const shown = text ?? (format === 'json' ? JSON.stringify(draft, null, 2) : stringify(draft, { lineWidth: 100 }));
  const take = (next: string) => {
    setText(next);
    // JSON is YAML: one reader for both. Numbers of variables stay texts only if they are quoted.
    const document = parseDocument(next, { uniqueKeys: true });
    const [first] = document.errors;
    if (first) return setError(first.message);
    const value: unknown = document.toJS({ maxAliasCount: 20 });
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return setError('A scenario is a map of fields.');
    setError('');
    change(value as Fields);
  };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What the form does not show is kept as it stands here."
          actions={<SegmentedControl label="Format" selectedId={format} options={[{ id: 'yaml', text: 'YAML' }, { id: 'json', text: 'JSON' }]} onChange={({ detail }) => { setText(undefined); setError(''); setFormat(detail.selectedId); }} />}
        >
          The whole scenario
        </Header>
      }
    >
      <SpaceBetween size="s">
        {error && <Alert type="error" header="This text cannot be read; the draft is as it was before" action={<Button onClick={() => { setText(undefined); setError(''); }}>Back to the draft</Button>}><pre className="mono">{error}</pre></Alert>}
        <FormField label={format === 'yaml' ? 'YAML' : 'JSON'} stretch>
          <div className="code"><Textarea value={shown} rows={Math.min(40, Math.max(16, shown.split('\n').length + 1))} spellcheck={false} onChange={({ detail }) => take(detail.value)} /></div>
        </FormField>
      </SpaceBetween>
    </Container>
  );
}
