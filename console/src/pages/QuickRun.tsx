// One field and a button: a URL or a curl command becomes a scenario of 10 users for
// 30 s on this machine, and runs.
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { calls, useChange } from '../api/queries';
import { ChangeButton } from '../app/Change';
import { go, to } from '../app/router';
import { parseCurl } from '../plan/curl';
import { room } from '../plan/start';

const USERS = 10;
const HOLD_S = 30;

export function QuickRun() {
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const start = useChange(async () => {
    const request = parseCurl(text);
    const details = await room();
    const region = Object.keys(details)[0] ?? '';
    const host = new URL(request.url).host;
    const answer = await calls.keep({
      testName: `Quick test of ${host}`.slice(0, 255),
      testDescription: `Made by the console: ${USERS} users for ${HOLD_S} s`,
      testType: 'simple',
      showLive: true,
      tags: [],
      testTaskConfigs: [{ region, taskCount: 1, concurrency: USERS }],
      testScenario: {
        execution: [{ scenario: 'quick', users: USERS, 'ramp-up': '0s', 'hold-for': `${HOLD_S}s` }],
        scenarios: { quick: { requests: [request] } },
      },
      regionalTaskDetails: details,
    });
    return to(['scenarios', answer.testId, 'runs', answer.testRunId ?? ''], { new: '1' });
  });
  const run = () => {
    try {
      parseCurl(text);
    } catch (why) {
      setError(why instanceof Error ? why.message : String(why));
      return;
    }
    setError('');
    start.mutate(undefined, { onSuccess: go, onError: (why) => setError(why.message) });
  };
  return (
    <SpaceBetween size="s">
      <FormField
        label="Paste a URL or a curl command"
        description={`${USERS} users send it one after the other for ${HOLD_S} s. Test only what you may.`}
        errorText={error}
        stretch
      >
        <Textarea value={text} rows={2} spellcheck={false} placeholder="https://shop.example.com/cart" onChange={({ detail }) => setText(detail.value)} />
      </FormField>
      <SpaceBetween direction="horizontal" size="xs">
        <ChangeButton variant="primary" loading={start.isPending} disabled={text.trim() === ''} onClick={run}>
          Run
        </ChangeButton>
        <Button href={to(['create'], { paste: text.trim() })}>Make a scenario of it</Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}
