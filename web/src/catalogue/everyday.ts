/** What most graphs have. Where many nodes answer a search, or fit a loose wire, these come first: one key away. */

const EVERYDAY: readonly string[] = [
  "CLIPTextEncode",
  "VAEDecode",
  "KSampler",
  "PreviewImage",
  "SaveImage",
  "CheckpointLoaderSimple",
  "EmptyLatentImage",
  "LoadImage",
  "VAEEncode",
  "LoraLoader",
  "ControlNetLoader",
  "ControlNetApplyAdvanced",
  "UpscaleModelLoader",
  "ImageUpscaleWithModel",
  "ImageScale",
];

/** Which place a node has among them; none where it is not one of them. */
export function everydayPlace(type: string): number | undefined {
  const place = EVERYDAY.indexOf(type);
  return place < 0 ? undefined : place;
}
