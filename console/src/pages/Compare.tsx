export default function Compare(_: { test?: string }) { return <p>soon</p>; }
