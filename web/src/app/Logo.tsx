/** Two threads across two: over one, under the next. */

export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <g strokeWidth="2.6" strokeLinecap="round">
        <path className="logo__warp" d="M8 3.500v4M8 13.500v7M16 3.500v2M16 18.500v2M16 10.500v3" />
        <path className="logo__weft" d="M3.500 8h17" />
        <path className="logo__thread" d="M3.500 16h1.800M10.700 16h9.800" />
      </g>
    </svg>
  );
}
