// What is shown when the console could not start: why, and the way to try again.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { Inert } from '../ui/parts';

export function NotStarted({ error }: { error: unknown }) {
  const why = error instanceof Error ? error.message : String(error);
  const header = error instanceof Error && error.name === 'SignInFailed' ? 'You are not signed in' : 'The console could not start';
  return (
    <main style={{ maxWidth: 640, margin: '15vh auto 0', padding: 24 }}>
      <h1>dlt</h1>
      <Alert type="error" header={header} action={<Button onClick={() => location.reload()}>Try again</Button>}>
        <Inert most={1000}>{why}</Inert>
      </Alert>
    </main>
  );
}
