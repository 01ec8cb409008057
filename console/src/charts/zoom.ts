// The zoom of a page's charts: kept in the address, so that a link shows the same window.
import { useMemo } from 'react';
import { replaceQuery, usePlace } from '../app/router';
import type { Zoom } from './TimeChart';

export function useZoom(): Zoom {
  const { query } = usePlace();
  const from = number(query.get('from'));
  const to = number(query.get('to'));
  return useMemo(() => {
    const isWindow = from !== undefined && to !== undefined && to > from;
    return {
      ...(isWindow ? { from, to } : {}),
      set: (low?: number, high?: number) =>
        replaceQuery({ from: low === undefined ? '' : String(low), to: high === undefined ? '' : String(high) }),
    };
  }, [from, to]);
}

function number(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
