// What every chart stands in: a heading with its unit, a sentence for those who cannot
// see it, and the numbers behind it as a table. Drawing is left to what stands inside.
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { flushSync } from 'react-dom';

export interface Table {
  columns: string[];
  /** Texts, or functions where making them takes time. */
  rows: () => string[][];
}

export function ChartFrame(props: { title: string; note?: string; sentence: string; table?: Table; /** Whether there is something to press in it. */ isActive?: boolean; children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <figure style={{ margin: 0 }}>
      <figcaption>
        <Box variant="h3" padding="n" fontSize="heading-s">
          {props.title}
        </Box>
        {props.note && <span className="muted" style={{ fontSize: 12 }}>{props.note}</span>}
      </figcaption>
      <div role={props.isActive ? 'group' : 'img'} aria-label={props.sentence}>
        {props.children}
      </div>
      {props.table && (
        <ExpandableSection headerText="As a table" expanded={isOpen} onChange={({ detail }) => setOpen(detail.expanded)}>
          {isOpen && <PlainTable {...props.table} caption={props.title} />}
        </ExpandableSection>
      )}
    </figure>
  );
}

export function PlainTable({ columns, rows, caption }: Table & { caption: string }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className="plain">
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={`${at} ${column}`} scope="col" className={at > 0 ? 'num' : undefined}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows().map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column} className={column > 0 ? 'num' : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Distances of ticks that read well as clocks, s. */
export const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];

/** The width that an element has, as it changes. */
export function useWidth<T extends HTMLElement>(): [RefObject<T | null>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const node = element.current;
    if (!node) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    watch.observe(node);
    // Paper has another width, and an observer is told neither in time nor of the way back.
    const measure = () => flushSync(() => setWidth(Math.floor(node.clientWidth)));
    const ends = ['beforeprint', 'afterprint'];
    for (const end of ends) window.addEventListener(end, measure);
    return () => {
      watch.disconnect();
      for (const end of ends) window.removeEventListener(end, measure);
    };
  }, []);
  return [element, width];
}

/** A colour of `styles.css` as it is in this mode. */
export function color(name: string): string {
  return name.startsWith('--') ? getComputedStyle(document.body).getPropertyValue(name).trim() : name;
}

/** The same for styles, which find it themselves. */
export function css(name: string): string {
  return name.startsWith('--') ? `var(${name})` : name;
}

const CAUSES: Record<string, string> = {
  'status-5xx': '#d13212',
  'status-4xx': '#eb8f00',
  refused: '#a82a0c',
  unreachable: '#8f1d2c',
  dns: '#7d2105',
  reset: '#e0562f',
  tls: '#b8456b',
  proxy: '#9c4f96',
  'timeout-connect': '#c99000',
  'timeout-first-byte': '#d97706',
  'timeout-body': '#b45309',
  protocol: '#c2410c',
  'h2-reset': '#ea6a47',
  'h2-goaway': '#f0916f',
  'closed-idle': '#d98b73',
  'target-forbidden': '#6b2b2b',
  check: '#e3a33b',
  extraction: '#c98b2e',
  generator: '#8c5aa8',
};

/** The colour of a cause, the same everywhere. */
export function causeColor(cause: string): string {
  return CAUSES[cause] ?? '#b06a4a';
}
