// Settings of this browser, and what server it talks to.
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { apiAddress } from '../api/home';
import { useStack } from '../api/queries';
import { choose, useChoice, type Choice } from '../app/theme';
import { Failed, Loading } from '../ui/parts';
import { Segments } from '../ui/segments';
import { Saved } from '../app/Saved';

export default function Settings() {
  const stack = useStack();
  const chosen = useChoice();
  return (
    <ContentLayout header={<Header variant="h1">Settings</Header>}>
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">This browser</Header>}>
          <Segments
            label="Colours"
            selected={chosen}
            options={[
              { id: 'system', text: 'As the system has it' },
              { id: 'light', text: 'Light' },
              { id: 'dark', text: 'Dark' },
            ]}
            choose={(id) => choose(id as Choice)}
          />
        </Container>
        <Container header={<Header variant="h2">Server</Header>}>
          {stack.error ? (
            <Failed error={stack.error} what="What is deployed" again={() => void stack.refetch()} />
          ) : !stack.data ? (
            <Loading what="what is deployed" />
          ) : (
            <KeyValuePairs
              columns={3}
              items={[
                { label: 'dlt', value: stack.data.dlt_version ?? '–' },
                { label: 'Compatible with DLT', value: stack.data.version },
                { label: 'Where', value: stack.data.stack_id === 'home' ? 'this machine' : stack.data.stack_id },
                { label: 'Region', value: stack.data.region },
                { label: 'API', value: apiAddress() },
                { label: 'API description', value: <Saved path="/openapi.json" name="openapi.json" isShown /> },
              ]}
            />
          )}
        </Container>
        <Container header={<Header variant="h2">This console</Header>}>
          It is made with packages of others: <a href="licenses.txt" style={{ color: 'var(--p95)' }}>their licences</a>.
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}
