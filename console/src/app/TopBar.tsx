// The bar above all pages where somebody is signed in: who it is, and the way out. Plain,
// since Cloudscape's own would add 4 kB to the first load of everybody.
import Button from '@cloudscape-design/components/button';
import { Inert } from '../ui/parts';
import type { User } from './user';

export default function TopBar({ user }: { user: User }) {
  return (
    <header className="top-bar">
      <a href="#/">dlt</a>
      <span title="Signed in as">
        <Inert most={60}>{user.name}</Inert>
      </span>
      <Button onClick={() => user.signOut()}>Sign out</Button>
    </header>
  );
}
