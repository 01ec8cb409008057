// What charts take from Cloudscape, in plain HTML and by the same names: a report is a
// document, and a library of an application's parts would be most of its size.
import type { ReactNode } from 'react';

interface Holder {
  children?: ReactNode;
}

export function Box({ variant, children }: Holder & { variant?: string; padding?: string; fontSize?: string }) {
  return variant === 'h3' ? <h3>{children}</h3> : <div>{children}</div>;
}

interface Expandable extends Holder {
  headerText: ReactNode;
  expanded?: boolean;
  onChange?: (event: { detail: { expanded: boolean } }) => void;
}

/** Not on paper: what it holds is also seen in the drawing. */
export function ExpandableSection({ headerText, expanded, onChange, children }: Expandable) {
  return (
    <details className="table-behind" open={expanded} onToggle={(event) => onChange?.({ detail: { expanded: event.currentTarget.open } })}>
      <summary>{headerText}</summary>
      {children}
    </details>
  );
}

export function ColumnLayout({ children }: Holder & { columns?: number; minColumnWidth?: number }) {
  return <div className="columns">{children}</div>;
}

export function SpaceBetween({ direction, children }: Holder & { direction?: string; size?: string; alignItems?: string }) {
  return <div className={direction === 'horizontal' ? 'in-a-row' : 'stack'}>{children}</div>;
}

const SIGNS: Record<string, string> = { 'zoom-in': '+', 'zoom-out': '−', 'angle-left': '‹', 'angle-right': '›' };

interface Pressed extends Holder {
  iconName?: string;
  ariaLabel?: string;
  disabled?: boolean;
  variant?: string;
  onClick?: () => void;
}

export function Button({ iconName, ariaLabel, disabled, onClick, children }: Pressed) {
  return (
    <button type="button" title={ariaLabel} aria-label={ariaLabel} disabled={disabled} onClick={() => onClick?.()}>
      {iconName ? (SIGNS[iconName] ?? '·') : children}
    </button>
  );
}
