export default function Edit(_: { test?: string }) { return <p>soon</p>; }
