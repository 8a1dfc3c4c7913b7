/** What most graphs have. Where many nodes answer a search, or fit a loose wire, these come first: one key away. */

const EVERYDAY: ReadonlySet<string> = new Set([
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
]);

export function isEveryday(type: string): boolean {
  return EVERYDAY.has(type);
}
