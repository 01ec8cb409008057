// Starts the console.
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './api/queries';
import { App } from './app/App';
import { NotStarted } from './app/NotStarted';
import { start } from './app/start';
import './app/styles.css';
import { startTheme } from './app/theme';

startTheme();
const element = document.getElementById('root');
if (element) {
  const root = createRoot(element);
  const show = (page: ReactNode) => root.render(<StrictMode>{page}</StrictMode>);
  start().then(
    (isReady) =>
      show(
        isReady ? (
          <QueryClientProvider client={queryClient}>
            <App />
          </QueryClientProvider>
        ) : (
          <p className="leaving">Opening the sign-in page…</p>
        ),
      ),
    (error: unknown) => show(<NotStarted error={error} />),
  );
}
