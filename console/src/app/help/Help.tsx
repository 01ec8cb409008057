// The help beside a page: one topic, short, with what to read next. Loaded when it is
// opened for the first time.
import HelpPanel from '@cloudscape-design/components/help-panel';
import Link from '@cloudscape-design/components/link';
import { openHelp, type Topic } from '../panels';
import { TOPICS } from './topics';

export default function Help({ topic }: { topic: Topic }) {
  const { title, body, terms = [], next = [] } = TOPICS[topic];
  return (
    <HelpPanel
      header={<h2>{title}</h2>}
      {...(next.length > 0
        ? {
            footer: (
              <>
                <h3>Read next</h3>
                <ul>
                  {next.map((one) => (
                    <li key={one}>
                      <Link onFollow={() => openHelp(one)}>{TOPICS[one].title}</Link>
                    </li>
                  ))}
                </ul>
              </>
            ),
          }
        : {})}
    >
      {body.map((text) => (
        <p key={text}>{text}</p>
      ))}
      {terms.length > 0 && (
        <dl>
          {terms.flatMap(([term, meaning]) => [<dt key={term}>{term}</dt>, <dd key={`${term}:`}>{meaning}</dd>])}
        </dl>
      )}
    </HelpPanel>
  );
}
