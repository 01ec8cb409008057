// The frame of every page: navigation, breadcrumbs, messages, and which page belongs to
// which address. Pages are loaded when they are opened.
import AppLayout from '@cloudscape-design/components/app-layout';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Button from '@cloudscape-design/components/button';
import Flashbar from '@cloudscape-design/components/flashbar';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import SplitPanel from '@cloudscape-design/components/split-panel';
import { Component, lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Failed, Loading } from '../ui/parts';
import { useServerAway } from '../api/queries';
import { useFlashes } from './flash';
import { useMendedNavigation } from './mend';
import { closeDetails, closeHelp, openHelp, usePanels, type Topic } from './panels';
import { to, usePath, useQueryValue, type Place } from './router';
import { useUser, useWanted } from './user';

const TopBar = lazy(() => import('./TopBar'));
const SignIn = lazy(() => import('./SignIn'));
const Home = lazy(() => import('../pages/Home'));
const Scenarios = lazy(() => import('../pages/Scenarios'));
const Scenario = lazy(() => import('../pages/Scenario'));
const RunPage = lazy(() => import('../pages/RunPage'));
const Compare = lazy(() => import('../pages/Compare'));
const Edit = lazy(() => import('../pages/Edit'));
const Regions = lazy(() => import('../pages/Regions'));
const Agents = lazy(() => import('../pages/Agents'));
const Settings = lazy(() => import('../pages/Settings'));
const Help = lazy(() => import('./help/Help'));

interface Shown {
  page: ReactNode;
  /** Breadcrumbs behind the first. */
  trail: { text: string; href: string }[];
  /** The entry of the navigation that it belongs to. */
  active: string;
  /** What its help is about. */
  topic: Topic;
}

function shown(place: Omit<Place, 'query'>): Shown {
  const [first = '', test = '', third = '', run = ''] = place.parts;
  const list = { text: 'Scenarios', href: to(['scenarios']) };
  const active = list.href;
  if (first === 'scenarios') {
    if (!test) return { page: <Scenarios />, trail: [list], active, topic: 'scenarios' };
    const one = { text: test, href: to(['scenarios', test]) };
    if (third === 'runs' && run) {
      return {
        page: <RunPage key={`${test}/${run}`} test={test} run={run} />,
        trail: [list, one, { text: `Run ${run}`, href: to(['scenarios', test, 'runs', run]) }],
        active,
        topic: 'run',
      };
    }
    if (third === 'compare') {
      return { page: <Compare key={test} test={test} />, trail: [list, one, { text: 'Compare', href: place.path }], active, topic: 'compare' };
    }
    if (third === 'edit') {
      return { page: <Edit key={test} test={test} />, trail: [list, one, { text: 'Edit', href: place.path }], active, topic: 'edit' };
    }
    return { page: <Scenario key={test} test={test} />, trail: [list, one], active, topic: 'scenario' };
  }
  if (first === 'create') return { page: <Edit key="new" test="" />, trail: [{ text: 'Create scenario', href: to(['create']) }], active: to(['create']), topic: 'edit' };
  const others: Record<string, [string, ReactNode, Topic]> = {
    regions: ['Regions and runners', <Regions key="r" />, 'regions'],
    agents: ['Agents', <Agents key="a" />, 'agents'],
    settings: ['Settings', <Settings key="s" />, 'settings'],
  };
  const other = others[first];
  if (other) return { page: other[1], trail: [{ text: other[0], href: to([first]) }], active: to([first]), topic: other[2] };
  return { page: <Home />, trail: [], active: '#/', topic: 'home' };
}

export function App() {
  const place = usePath();
  const flashes = useFlashes();
  const panels = usePanels();
  const isAway = useServerAway();
  const user = useUser();
  const wanted = useWanted();
  const [isOpen, setOpen] = useState(() => window.innerWidth > NARROW);
  const [splitSize, setSplitSize] = useState(360);
  // The page stays the same while only the query changes: it is not drawn again.
  const { page, trail, active, topic } = useMemo(() => shown(place), [place]);
  const isWall = useQueryValue('wall') === '1';
  useMendedNavigation();

  useEffect(() => {
    document.title = [...trail.map((step) => step.text).reverse(), 'dlt'].join(' · ');
  }, [trail]);
  useEffect(() => {
    if (window.innerWidth <= NARROW) setOpen(false);
    closeHelp();
    closeDetails();
    window.scrollTo(0, 0);
  }, [place.path]);

  const content = useMemo(
    () => (
      <Guard key={place.path}>
        <Suspense fallback={<Loading what="the page" />}>{page}</Suspense>
      </Guard>
    ),
    [page, place.path],
  );
  const { help, details } = panels;
  const asking = wanted && (
    <Suspense fallback={<Loading what="the sign-in" />}>
      <SignIn {...wanted} />
    </Suspense>
  );
  if (asking && !wanted.isAgain) return <I18nProvider locale="en" messages={[messages]}>{asking}</I18nProvider>;
  return (
    <I18nProvider locale="en" messages={[messages]}>
      {asking}
      {user && !isWall && (
        <div id="top">
          <Suspense>
            <TopBar user={user} />
          </Suspense>
        </div>
      )}
      {isWall ? (
        <main className="wall" style={{ padding: 24 }}>{content}</main>
      ) : (
        <AppLayout
          headerVariant="default"
          {...(user ? { headerSelector: '#top' } : {})}
          navigationOpen={isOpen}
          onNavigationChange={({ detail }) => setOpen(detail.open)}
          navigationWidth={230}
          ariaLabels={ARIA}
          navigation={<Navigation active={active} />}
          breadcrumbs={trail.length > 0 ? <BreadcrumbGroup items={[{ text: 'Home', href: '#/' }, ...trail]} ariaLabel="Breadcrumbs" /> : undefined}
          notifications={
            <Flashbar
              items={[
                ...(isAway ? [{ id: 'away', type: 'warning' as const, content: 'The server does not answer: what is shown may be old. It is asked again by itself.' }] : []),
                ...(user?.ended
                  ? [{ id: 'ended', type: 'error' as const, content: `${user.ended} ${user.leavesPage ? 'What is on this page is not kept: copy what you still need, then sign in again.' : 'What was written on this page stays.'}`, action: <Button onClick={() => user.signIn()}>Sign in again</Button> }]
                  : []),
                ...flashes,
              ]}
            />
          }
          tools={help ? <Suspense fallback={<Loading what="the help" />}><Help topic={help} /></Suspense> : <span />}
          toolsOpen={help !== null}
          toolsWidth={320}
          onToolsChange={({ detail }) => (detail.open ? openHelp(topic) : closeHelp())}
          {...(details ? { splitPanel: <SplitPanel header={details.title} hidePreferencesButton closeBehavior="hide">{details.body}</SplitPanel> } : {})}
          splitPanelOpen={details !== null}
          splitPanelSize={splitSize}
          splitPanelPreferences={{ position: 'bottom' }}
          onSplitPanelResize={({ detail }) => setSplitSize(detail.size)}
          onSplitPanelToggle={({ detail }) => {
            if (!detail.open) closeDetails();
          }}
          maxContentWidth={1700}
          content={content}
        />
      )}
    </I18nProvider>
  );
}

/** Below that many pixels the navigation covers the page, and begins closed. */
const NARROW = 1000;

const ARIA = {
  navigation: 'Navigation',
  navigationToggle: 'Open navigation',
  navigationClose: 'Close navigation',
  notifications: 'Messages',
  tools: 'Help',
  toolsToggle: 'Open help',
  toolsClose: 'Close help',
};

function Navigation({ active }: { active: string }) {
  return (
    <SideNavigation
      header={{ text: 'dlt', href: '#/' }}
      activeHref={active}
      items={[
        { type: 'link', text: 'Home', href: '#/' },
        { type: 'link', text: 'Scenarios', href: to(['scenarios']) },
        { type: 'link', text: 'Create scenario', href: to(['create']) },
        { type: 'divider' },
        { type: 'link', text: 'Regions and runners', href: to(['regions']) },
        { type: 'link', text: 'Agents', href: to(['agents']) },
        { type: 'link', text: 'Settings', href: to(['settings']) },
      ]}
    />
  );
}

/** Shows what broke in place of a white page. */
class Guard extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined as unknown };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <Failed error={this.state.error} what="This page" again={() => location.reload()} />;
  }
}
