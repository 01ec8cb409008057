// A person's words about a run: what was changed before it, what to remember. Shown as
// they are; kept by the API.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { calls, useChange } from '../../api/queries';
import type { RunRecord } from '../../api/types';
import { ChangeButton } from '../../app/Change';
import { flash } from '../../app/flash';
import { count } from '../../numbers/format';
import { Inert } from '../../ui/parts';

/** As many as the API takes. */
const MOST_CHARACTERS = 2_000;

export function Note({ test, record }: { test: string; record: RunRecord }) {
  const note = record.note ?? '';
  const [text, setText] = useState<string>();
  const keep = useChange((next: string) => calls.note(test, record.testRunId, next));
  const length = [...(text ?? '')].length;
  const isLong = length > MOST_CHARACTERS;
  const leave = () => {
    setText(undefined);
    keep.reset();
  };
  const send = (next: string) =>
    keep.mutate(next, {
      onSuccess: () => {
        leave();
        flash('success', next === '' ? 'The note is removed.' : 'The note is kept.');
      },
    });
  return (
    <div>
      {note === '' ? (
        <ChangeButton variant="inline-link" iconName="edit" onClick={() => setText('')}>Add a note</ChangeButton>
      ) : (
        <SpaceBetween direction="horizontal" size="xs" alignItems="center">
          <div style={{ maxWidth: 900, whiteSpace: 'pre-wrap' }}><b>Note:</b> <Inert most={MOST_CHARACTERS}>{note}</Inert></div>
          <ChangeButton variant="inline-link" onClick={() => setText(note)}>Change the note</ChangeButton>
        </SpaceBetween>
      )}
      <Modal
        visible={text !== undefined}
        onDismiss={leave}
        header={note === '' ? 'Add a note' : 'Change the note'}
        closeAriaLabel="Leave the note as it is"
        footer={
          <Box float="right">
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={leave}>Leave</Button>
              {note !== '' && <Button loading={keep.isPending && keep.variables === ''} onClick={() => send('')}>Remove</Button>}
              <Button variant="primary" disabled={isLong || (text ?? '').trim() === ''} loading={keep.isPending && keep.variables !== ''} onClick={() => send((text ?? '').trim())}>Keep</Button>
            </SpaceBetween>
          </Box>
        }
      >
        <FormField
          label="Note"
          description="What was different in this run, for whoever reads it later. It stands in the list of runs and on the trend."
          constraintText={`${count(length)} of ${count(MOST_CHARACTERS)} characters.`}
          errorText={keep.error ? `The note was not kept: ${keep.error.message}. Your text is still here: try again.` : isLong ? `It is too long by ${count(length - MOST_CHARACTERS)} characters: shorten it.` : ''}
          stretch
        >
          <Textarea value={text ?? ''} rows={5} onChange={({ detail }) => setText(detail.value)} />
        </FormField>
      </Modal>
    </div>
  );
}
