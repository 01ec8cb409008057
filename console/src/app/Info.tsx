// A link beside a heading that opens its help.
import Link from '@cloudscape-design/components/link';
import { openHelp, type Topic } from './panels';

export function Info({ topic, of }: { topic: Topic; of: string }) {
  return (
    <Link variant="info" ariaLabel={`Info about ${of}`} onFollow={() => openHelp(topic)}>
      Info
    </Link>
  );
}
