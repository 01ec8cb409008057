// How an agent is connected: what to copy, a host each, with this server's own address.
// The MCP server's own documents say more.
import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { apiAddress } from '../api/home';
import { useStack } from '../api/queries';
import { useUser } from '../app/user';
import { Failed, Loading } from '../ui/parts';

export default function Agents() {
  const stack = useStack();
  // Signed in with a token of this server, not at the page of a stack.
  const wantsToken = useUser()?.leavesPage === false;
  if (stack.error) return <Failed error={stack.error} what="What is deployed" again={() => void stack.refetch()} />;
  if (!stack.data) return <Loading what="what is deployed" />;
  const url = stack.data.mcp_endpoint;
  const api = apiAddress();
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  const hosts = [
    {
      id: 'claude-code',
      label: 'Claude Code',
      where: url ? 'Run one of these in a terminal.' : 'Run this in a terminal.',
      texts: [...(url ? [`claude mcp add --transport http dlt ${url}`] : []), `claude mcp add dlt -- dlt mcp --api ${api}`],
    },
    { id: 'desktop', label: 'Claude Desktop, Cursor', where: 'In claude_desktop_config.json, in ~/.cursor/mcp.json, or in .mcp.json of a project.', texts: [json({ mcpServers: { dlt: { command: 'dlt', args: ['mcp', '--api', api] } } })] },
    { id: 'code', label: 'VS Code', where: 'In .vscode/mcp.json.', texts: [json({ servers: { dlt: url ? { type: 'http', url } : { type: 'stdio', command: 'dlt', args: ['mcp', '--api', api] } } })] },
    { id: 'codex', label: 'Codex', where: 'In ~/.codex/config.toml.', texts: [`[mcp_servers.dlt]\ncommand = "dlt"\nargs = ["mcp", "--api", "${api}"]`] },
  ];
  return (
    <ContentLayout header={<Header variant="h1" description="dlt is an MCP server: an agent can find scenarios, read results, ask for any percentile, and compare runs.">Agents</Header>}>
      <SpaceBetween size="l">
        <Alert type="info">It can only read: an agent can start, change and delete nothing.</Alert>
        {wantsToken && <Alert type="info">This server asks agents for a token, too: set DLT_API_TOKEN where the agent starts dlt mcp. What connects by itself asks its user to sign in.</Alert>}
        <Container header={<Header variant="h2" description={url ? `This server answers agents at ${url}.` : 'This deployment has no MCP server of its own: start one beside the agent.'}>Connect</Header>}>
          <Tabs
            ariaLabel="Hosts of agents"
            i18nStrings={{ scrollLeftAriaLabel: 'Earlier hosts', scrollRightAriaLabel: 'Later hosts' }}
            tabs={hosts.map((host) => ({
              id: host.id,
              label: host.label,
              content: (
                <SpaceBetween size="s">
                  <span>{host.where}</span>
                  {host.texts.map((text) => (
                    <SpaceBetween key={text} size="xxs">
                      <pre className="mono" tabIndex={0}>{text}</pre>
                      <CopyToClipboard copyButtonText="Copy" copySuccessText="Copied" copyErrorText="It was not copied: mark the text and copy it." textToCopy={text} />
                    </SpaceBetween>
                  ))}
                </SpaceBetween>
              ),
            }))}
          />
        </Container>
        <Container header={<Header variant="h2">Then ask</Header>}>
          <ul style={{ margin: 0 }}>
            <li>Which scenarios failed lately, and why?</li>
            <li>Is the newest run of a scenario slower than its baseline, and is that real?</li>
            <li>What was the 99.9th percentile of one label in one region?</li>
          </ul>
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}
