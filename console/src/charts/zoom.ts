// The zoom of a page's charts: kept in the address, so that a link shows the same window.
import { useMemo } from 'react';
import { replaceQuery, useQueryValue } from '../app/router';
import type { Zoom } from './plot';

export function useZoom(): Zoom {
  const from = number(useQueryValue('from'));
  const to = number(useQueryValue('to'));
  return useMemo(() => {
    const isWindow = from !== undefined && to !== undefined && to > from;
    return {
      ...(isWindow ? { from, to } : {}),
      set: (low?: number, high?: number) =>
        replaceQuery({ from: low === undefined ? '' : String(low), to: high === undefined ? '' : String(high) }),
    };
  }, [from, to]);
}

function number(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
