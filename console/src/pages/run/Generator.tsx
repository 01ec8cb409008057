// The load generator itself: how late requests left, how evenly the runners started, how
// well their clocks agree, and where requests went.
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs, { type KeyValuePairsProps } from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { RunRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { count, exactTime, time } from '../../numbers/format';
import { RunnerTable } from './RunnerTable';

export function GeneratorFacts({ test, record }: { test: string; record: RunRecord }) {
  const { start, coverage, generator, summary, load } = record;
  const lag = summary?.total.lag;
  const items: KeyValuePairsProps.Item[] = [];
  if (coverage) {
    items.push({
      label: 'Runners',
      value: `${coverage.runners_reported} of ${coverage.runners_expected} reported${coverage.missing_intervals === 0 ? ', no second missing' : ''}`,
    });
  }
  if (start) {
    items.push({
      label: 'Start',
      value: (
        <span title={`median ${exactTime(start.skew_p50_us)}, largest ${exactTime(start.skew_max_us)}`}>
          first requests within {time(Math.max(0, start.skew_max_us))} of the plan, clocks known to ±{time(start.clock_error_us)}
        </span>
      ),
    });
  }
  if (lag && lag.count > 0 && load?.model === 'open') {
    items.push({
      label: 'Punctuality',
      value: <span title={`worst ${exactTime(lag.max_us)}`}>99 % of the requests left at most {time(lag.p99_us)} late, the worst {time(lag.max_us)}</span>,
    });
  }
  const service = summary?.total.service;
  if (service && service.count > 0) items.push({ label: 'Service time', value: `p50 ${time(service.p50_us)}, p95 ${time(service.p95_us)}` });
  const connect = summary?.total.connect;
  if (connect && connect.count > 0) items.push({ label: 'Connecting', value: `${count(connect.count)} connections, p95 ${time(connect.p95_us)}` });
  const byte = summary?.total.first_byte;
  if (byte && byte.count > 0) items.push({ label: 'First byte', value: `p50 at most ${time(byte.p50_us)}, p95 at most ${time(byte.p95_us)}` });
  if (generator && generator.addresses.length > 0) {
    items.push({ label: 'Sent to', value: generator.addresses.slice(0, 6).map(([address, n]) => <div key={address}><bdi>{address}</bdi> <Requests n={n} /></div>) });
  }
  if (generator?.proxies && generator.proxies.length > 0) {
    items.push({ label: 'Through proxies', value: generator.proxies.slice(0, 6).map(([proxy, n]) => <div key={proxy}><bdi>{proxy}</bdi> <Requests n={n} /></div>) });
  }
  if (generator && generator.http_versions.length > 0) {
    items.push({ label: 'HTTP', value: generator.http_versions.map(([version, n]) => `${version}: ${count(n)}`).join(', ') });
  }
  if (generator && generator.public_addresses.length > 0) {
    items.push({ label: 'Came from', value: generator.public_addresses.slice(0, 20).join(', ') });
  }
  if (items.length === 0) return null;
  return (
    <Container header={<Header variant="h2" info={<Info topic="generator" of="the load generator" />}>Load generator</Header>}>
      <SpaceBetween size="m">
        <KeyValuePairs columns={3} minColumnWidth={240} items={items} />
        <RunnerTable test={test} run={record.testRunId} expected={coverage?.runners_expected} />
      </SpaceBetween>
    </Container>
  );
}

function Requests({ n }: { n: number }) {
  return <span className="muted">{count(n)} {n === 1 ? 'request' : 'requests'}</span>;
}
