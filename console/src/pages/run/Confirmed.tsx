// A button that asks before it does what cannot be taken back.
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState, type ReactNode } from 'react';
import { ChangeButton } from '../../app/Change';

interface Props {
  /** On the button, and on the one that confirms it. */
  text: string;
  question: string;
  /** On the button that leaves all as it is. */
  stay: string;
  disabled: boolean;
  disabledReason?: string;
  isPending: boolean;
  /** Does it; `done` closes the question. */
  act: (done: () => void) => void;
  /** What it means. */
  children: ReactNode;
}

export function Confirmed({ text, question, stay, disabled, disabledReason, isPending, act, children }: Props) {
  const [isAsking, ask] = useState(false);
  const close = () => ask(false);
  return (
    <>
      <ChangeButton disabled={disabled} {...(disabledReason ? { disabledReason } : {})} onClick={() => ask(true)}>{text}</ChangeButton>
      <Modal
        visible={isAsking}
        onDismiss={close}
        header={question}
        closeAriaLabel={stay}
        footer={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={close}>{stay}</Button>
            <Button variant="primary" loading={isPending} onClick={() => act(close)}>{text}</Button>
          </SpaceBetween>
        }
      >
        {children}
      </Modal>
    </>
  );
}
