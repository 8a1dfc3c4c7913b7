export function MaskDialog(_: { name: string; onClose: () => void; onPainted: (name: string) => void }) {
  return null;
}
