// The bar above all pages where somebody signs in: who it is, and the way out, or that nobody is signed in any more. Plain,
// since Cloudscape's own would add 4 kB to the first load of everybody.
import Button from '@cloudscape-design/components/button';
import { short } from '../numbers/when';
import { Inert } from '../ui/parts';
import type { User } from './user';

export default function TopBar({ user }: { user: User }) {
  return (
    <header className="top-bar">
      <a href="#/">dlt</a>
      {user.ended !== '' ? (
        // The way back in stands in the message below.
        <span title={user.ended}>Signed out</span>
      ) : (
        <>
          {user.readOnly !== '' && <span className="muted" title={user.readOnly}>may look, not change</span>}
          <span title={user.until ? `Signed in until ${short(user.until)}` : 'Signed in as'}>
            <Inert most={60}>{user.name || 'Signed in'}</Inert>
          </span>
          <Button onClick={() => user.signOut()}>Sign out</Button>
        </>
      )}
    </header>
  );
}
