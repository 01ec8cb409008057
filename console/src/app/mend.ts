// Mends an attribute that Cloudscape sets and ARIA forbids: on narrow screens its
// navigation gets aria-orientation, which the role of <nav> does not have.
import { useEffect } from 'react';

function mend(): void {
  for (const nav of document.querySelectorAll('nav[aria-orientation]')) nav.removeAttribute('aria-orientation');
}

/** After each drawing of the frame, and after its window changed. */
export function useMendedNavigation(): void {
  useEffect(mend);
  useEffect(() => {
    const later = () => setTimeout(mend, 500);
    window.addEventListener('resize', later);
    return () => window.removeEventListener('resize', later);
  }, []);
}
