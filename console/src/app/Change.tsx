// A button that changes something: whoever may only look is told so in its place.
import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import { useReadOnly } from './user';

export function ChangeButton({ disabled, disabledReason, ...props }: ButtonProps) {
  const readOnly = useReadOnly();
  const reason = readOnly || disabledReason;
  return <Button {...props} disabled={readOnly !== '' || disabled === true} {...(reason ? { disabledReason: reason } : {})} />;
}

/** What makes an entry of a menu one that whoever may only look cannot choose. */
export function lockedBy(readOnly: string): { disabled?: true; disabledReason?: string } {
  return readOnly === '' ? {} : { disabled: true, disabledReason: readOnly };
}
