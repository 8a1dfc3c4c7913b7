/** Every string of the panels, the dialogs and the file actions. */

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export const texts = {
  notices: {
    defect: "Something went wrong inside the editor. Your work is kept; reload the page if it behaves oddly.",
  },
  run: {
    drewSeeds: "Draw seeds",
    refused: (count: number) => `This cannot run yet: ${counted(count, "problem")}.`,
    seeProblems: "Each is listed under Problems, with what to do.",
  },
  files: {
    versionTitle: (title: string, version: string) => `${title} (version ${version})`,
    notJson: "This file holds no workflow.",
    notJsonHint: "Open a workflow as .json, or a .png that was made here or by ComfyUI.",
    converted: (count: number) => `Converted, with ${counted(count, "remark")}.`,
    saved: (name: string) => `Saved “${name}”.`,
    mine: (title: string) => `${title} (mine)`,
    noWorkflow: (name: string) => `“${name}” carries no workflow.`,
  },
} as const;
