// Regions with their room, and the runners that exist now.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useRoom, type Room } from '../api/queries';
import { Info } from '../app/Info';
import { Empty, Failed, Loading } from '../ui/parts';

export default function Regions() {
  const room = useRoom();
  return (
    <ContentLayout header={<Header variant="h1" info={<Info topic="regions" of="regions" />} description="Where runs may go, how much room there is, and which runners exist now." actions={<Button iconName="refresh" ariaLabel="Ask again" onClick={() => void room.refetch()} />}>Regions and runners</Header>}>
      {room.error && !room.data ? (
        <Failed error={room.error} what="The regions" again={() => void room.refetch()} />
      ) : !room.data ? (
        <Loading what="regions" />
      ) : room.data.length === 0 ? (
        <Empty title="No region is registered." next={<span>At home: <code>dlt up --region lo-home-1=8</code>. On AWS: <code>dlt deploy region NAME</code>.</span>} />
      ) : (
        <SpaceBetween size="l">
          {room.data.map((row) => (
            <Region key={row.region} row={row} />
          ))}
        </SpaceBetween>
      )}
    </ContentLayout>
  );
}

function Region({ row }: { row: Room }) {
  const { info, used, most, runners } = row;
  const free = most === undefined || used === undefined ? undefined : Math.max(0, most - used);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`${info.taskCluster === 'home' ? 'on this machine' : `cluster ${info.taskCluster}`}${info.version ? `, compatible with DLT ${info.version}` : ''}`}
        >
          {row.region}
        </Header>
      }
    >
      <SpaceBetween size="s">
        {info.compatible === false ? (
          <StatusIndicator type="error">Not compatible: {info.incompatibilityReason ?? 'its version differs'}</StatusIndicator>
        ) : (
          <StatusIndicator type="success">Runs may use it</StatusIndicator>
        )}
        <ProgressBar
          label="Room: how much of it is busy"
          value={most ? ((used ?? 0) / most) * 100 : 0}
          additionalInfo={free === undefined ? 'Its room is not known.' : `${used} of ${most} runners are busy, ${free} are free`}
        />
        {runners.length === 0 ? (
          <span className="muted">No runner exists now: they are started for a run and end with it.</span>
        ) : (
          <ExpandableSection headerText={`${runners.length} ${runners.length === 1 ? 'runner' : 'runners'}`} defaultExpanded={runners.length <= 12}>
            <ul className="mono">
              {runners.map((id) => (
                <li key={id}>{id}</li>
              ))}
            </ul>
          </ExpandableSection>
        )}
      </SpaceBetween>
    </Container>
  );
}
