// What may be done with a run while it goes on: more or less of its load, a pause, an end
// that keeps the result whole, and a cancellation. Rules are `plan/changes`'; whether a load
// can be changed is the API's to say.
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { calls, useChange } from '../../api/queries';
import type { LoadChange, LoadWish } from '../../api/types';
import { ChangeButton } from '../../app/Change';
import { flash, flashError } from '../../app/flash';
import { askedBy, askedInWords, wishOf, type Press } from '../../plan/changes';
import { Confirmed } from './Confirmed';

interface Changing {
  test: string;
  run: string;
  /** All changes of the run that are known. */
  changes: readonly LoadChange[];
  /** Told all of them after each new one. */
  changed: (changes: readonly LoadChange[]) => void;
}

export function LoadControl({ test, run, changes, changed }: Changing) {
  const change = useChange((wish: LoadWish) => calls.changeLoad(test, run, wish));
  const [pressed, setPressed] = useState<Press>();
  const asked = askedBy(changes);
  const isPaused = asked.factor === 0;
  const press = (what: Press, done?: () => void) => {
    const wish = wishOf(asked, what);
    if (!wish) return;
    setPressed(what);
    change.mutate(wish, {
      onSuccess: (answer) => {
        changed(answer.changes);
        done?.();
      },
      onError: (error) => {
        done?.();
        flashError('The load was not changed')(error);
      },
    });
  };
  const ending = asked.isEnding ? 'The load is ending already, as asked.' : '';
  const stateOf = (what: Press, otherwise: string) => {
    const reason = wishOf(asked, what) ? '' : ending || otherwise;
    return { disabled: reason !== '' || change.isPending, ...(reason ? { disabledReason: reason } : {}) };
  };
  const button = (what: Press, text: string, otherwise: string) => (
    <ChangeButton {...stateOf(what, otherwise)} loading={change.isPending && pressed === what} onClick={() => press(what)}>{text}</ChangeButton>
  );
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      <div>
        <span role="status" className="asked">{askedInWords(asked)}</span>
        {button('less', '10 % less', isPaused ? 'The load is paused.' : 'A tenth of the plan is the least; a pause is none.')}
      </div>
      {button('more', '10 % more', 'Ten times the plan is the most.')}
      {button('pause', isPaused ? 'Go on' : 'Pause', '')}
      <Confirmed text="End gently" question="End the load now?" stay="Let it go on" {...stateOf('end', '')} isPending={change.isPending} act={(done) => press('end', done)}>
        No more requests begin, those in flight may finish, and the result is a whole one of the time until now.
      </Confirmed>
    </SpaceBetween>
  );
}

export function Cancel({ test, status }: { test: string; status: string }) {
  const cancel = useChange(() => calls.cancel(test));
  const stop = (done: () => void) =>
    cancel.mutate(undefined, {
      onSuccess: () => {
        done();
        flash('info', 'The run is being cancelled; what was measured is kept.');
      },
      onError: flashError('The run was not cancelled'),
    });
  return (
    <Confirmed text="Cancel the run" question="Cancel the run?" stay="Keep it running" disabled={status === 'cancelling'} isPending={cancel.isPending} act={stop}>
      The load stops, requests in flight may finish, and what was measured until now is kept as a partial result.
    </Confirmed>
  );
}
