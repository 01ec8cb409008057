// Asks for an access token in plain words: as a page of its own before the first one, or
// over the page whose token has ended, so that what was written there is not lost.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { issuer, type Issuer } from '../token/issuer';
import { Inert } from '../ui/parts';
import type { Wanted } from './user';

export default function SignIn({ isAgain, why, signIn, leave }: Wanted) {
  if (isAgain) {
    return (
      <Modal visible header={why} closeAriaLabel="Stay signed out" onDismiss={leave}>
        <SpaceBetween size="m">
          <span>The page behind this is as you left it. Sign in with a new token to go on.</span>
          <Ask signIn={signIn} />
        </SpaceBetween>
      </Modal>
    );
  }
  return (
    <main className="sign-in">
      <h1>dlt</h1>
      <Container header={<Header variant="h2" description="Whoever runs it lets in people and programs with an access token.">This server asks for a token</Header>}>
        {window.isSecureContext ? (
          <Ask signIn={signIn} />
        ) : (
          <Alert type="error" header="A token is not sent over plain http">
            Whoever is between this browser and the server could read it. Open this page by its https address; on the machine of the server, http://127.0.0.1 is fine, too.
          </Alert>
        )}
      </Container>
    </main>
  );
}

function Ask({ signIn }: Pick<Wanted, 'signIn'>) {
  const [text, setText] = useState('');
  const [why, setWhy] = useState('');
  const [isAsking, setAsking] = useState(false);
  const [from, setFrom] = useState<Issuer>();
  useEffect(() => void issuer().then(setFrom), []);
  const send = () => {
    setAsking(true);
    signIn(text)
      .catch((error: unknown) => `The sign-in broke off (${error instanceof Error ? error.message : String(error)}). Try again; if it stays so, load the page again.`)
      .then(setWhy)
      .finally(() => setAsking(false));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <SpaceBetween size="m">
        <FormField label="Access token" description="The same that the command takes in DLT_API_TOKEN." errorText={why && <Inert most={600}>{why}</Inert>} stretch>
          <Input value={text} type="password" autoFocus autoComplete={false} spellcheck={false} placeholder="eyJraWQi…" onChange={({ detail }) => setText(detail.value)} />
        </FormField>
        <Button variant="primary" formAction="submit" loading={isAsking} disabled={text.trim() === ''}>Sign in</Button>
        {from && from.issuers.length > 0 && (
          <span className="muted">
            Tokens are given by <Inert>{from.issuers.join(', ')}</Inert>
            {from.scopes.length > 0 && <>, with the scope <Inert>{from.scopes.join(' ')}</Inert></>}.
          </span>
        )}
        <span className="muted">It is kept in this tab alone, until you close the tab or sign out.</span>
      </SpaceBetween>
    </form>
  );
}
