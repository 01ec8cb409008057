// The frame of every page: navigation, breadcrumbs, messages, and which page belongs to
// which address. Pages are loaded when they are opened.
import AppLayout from '@cloudscape-design/components/app-layout';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Flashbar from '@cloudscape-design/components/flashbar';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import { Component, lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { Failed, Loading } from '../ui/parts';
import { useServerAway } from '../api/queries';
import { useFlashes } from './flash';
import { to, usePlace, type Place } from './router';

const Home = lazy(() => import('../pages/Home'));
const Scenarios = lazy(() => import('../pages/Scenarios'));
const Scenario = lazy(() => import('../pages/Scenario'));
const RunPage = lazy(() => import('../pages/RunPage'));
const Compare = lazy(() => import('../pages/Compare'));
const Edit = lazy(() => import('../pages/Edit'));
const Regions = lazy(() => import('../pages/Regions'));
const Agents = lazy(() => import('../pages/Agents'));
const Settings = lazy(() => import('../pages/Settings'));

interface Shown {
  page: ReactNode;
  /** Breadcrumbs behind the first. */
  trail: { text: string; href: string }[];
  /** The entry of the navigation that it belongs to. */
  active: string;
}

function shown(place: Place): Shown {
  const [first = '', test = '', third = '', run = ''] = place.parts;
  const list = { text: 'Scenarios', href: to(['scenarios']) };
  const active = list.href;
  if (first === 'scenarios') {
    if (!test) return { page: <Scenarios />, trail: [list], active };
    const one = { text: test, href: to(['scenarios', test]) };
    if (third === 'runs' && run) {
      return {
        page: <RunPage key={`${test}/${run}`} test={test} run={run} />,
        trail: [list, one, { text: `Run ${run}`, href: to(['scenarios', test, 'runs', run]) }],
        active,
      };
    }
    if (third === 'compare') {
      return { page: <Compare key={test} test={test} />, trail: [list, one, { text: 'Compare', href: place.path }], active };
    }
    if (third === 'edit') {
      return { page: <Edit key={test} test={test} />, trail: [list, one, { text: 'Edit', href: place.path }], active };
    }
    return { page: <Scenario key={test} test={test} />, trail: [list, one], active };
  }
  if (first === 'create') return { page: <Edit key="new" test="" />, trail: [{ text: 'Create scenario', href: to(['create']) }], active: to(['create']) };
  const others: Record<string, [string, ReactNode]> = {
    regions: ['Regions and runners', <Regions key="r" />],
    agents: ['Agents', <Agents key="a" />],
    settings: ['Settings', <Settings key="s" />],
  };
  const other = others[first];
  if (other) return { page: other[1], trail: [{ text: other[0], href: to([first]) }], active: to([first]) };
  return { page: <Home />, trail: [], active: '#/' };
}

export function App() {
  const place = usePlace();
  const flashes = useFlashes();
  const isAway = useServerAway();
  const [isOpen, setOpen] = useState(() => window.innerWidth > 1000);
  const { page, trail, active } = shown(place);
  const isWall = place.query.get('wall') === '1';
  const title = trail.map((step) => step.text).reverse();

  useEffect(() => {
    document.title = [...title, 'dlt'].join(' · ');
  });
  useEffect(() => {
    if (window.innerWidth <= 1000) setOpen(false);
    window.scrollTo(0, 0);
  }, [place.path]);

  const content = (
    <Guard key={place.path}>
      <Suspense fallback={<Loading what="the page" />}>{page}</Suspense>
    </Guard>
  );
  if (isWall) return <main className="wall" style={{ padding: 24 }}>{content}</main>;
  return (
    <I18nProvider locale="en" messages={[messages]}>
    <AppLayout
      headerVariant="default"
      toolsHide
      navigationOpen={isOpen}
      onNavigationChange={({ detail }) => setOpen(detail.open)}
      navigationWidth={230}
      ariaLabels={{ navigation: 'Navigation', navigationToggle: 'Open navigation', navigationClose: 'Close navigation', notifications: 'Messages' }}
      navigation={
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
      }
      breadcrumbs={trail.length > 0 ? <BreadcrumbGroup items={[{ text: 'Home', href: '#/' }, ...trail]} ariaLabel="Breadcrumbs" /> : undefined}
      notifications={
        <Flashbar
          items={[
            ...(isAway ? [{ id: 'away', type: 'warning' as const, content: 'The server does not answer: what is shown may be old. It is asked again by itself.' }] : []),
            ...flashes,
          ]}
        />
      }
      maxContentWidth={1700}
      content={content}
    />
    </I18nProvider>
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
