/** What the shipped workflows say, in German, by their English words. */

export const workflowTexts: Readonly<Record<string, string>> = {
  "A noise level above 0 hides flaws of the small picture before it is enlarged. Add stages, in order, to go on from here; only what comes after a change runs again.":
    "Ein Rauschpegel über 0 verdeckt Fehler des kleinen Bildes, bevor es vergrößert wird. Füge der Reihe nach Stufen hinzu, um von hier weiterzugehen; nur was nach einer Änderung kommt, läuft wieder.",
  "A picture from a sentence, with the miniature model that ships with Weft.":
    "Ein Bild aus einem Satz, mit dem Miniaturmodell, das Weft beiliegt.",
  "Base and refiner": "Basis und Refiner",
  "Both loaders hold the miniature here, which has no refiner: the picture is that of one sampler with 20 steps. Choose SDXL's base and refiner in them, a canvas of 1024, and 20 of 25 steps for the base.":
    "Beide Lader halten hier die Miniatur, die keinen Refiner hat: Das Bild ist das eines Samplers mit 20 Schritten. Wähle in ihnen Basis und Refiner von SDXL, eine Leinwand von 1024, und 20 von 25 Schritten für die Basis.",
  cascade: "Kaskade",
  "Cascade from 64 to 512": "Kaskade von 64 bis 512",
  "Cascade to 512": "Kaskade bis 512",
  "Classic cascade, 64 to 1024": "Klassische Kaskade, 64 bis 1024",
  controlnet: "ControlNet",
  "Draws 64 pixels without an autoencoder, and enlarges to 256 and to 1024 in pixel space, as the first cascades did.":
    "Zeichnet 64 Pixel ohne Autoencoder und vergrößert im Pixelraum auf 256 und auf 1024, wie es die ersten Kaskaden taten.",
  "Draws 64 pixels without an autoencoder, draws the details of 128 anew, and enlarges to 512 by a diffusion model that sees the small picture.":
    "Zeichnet 64 Pixel ohne Autoencoder, zeichnet die Einzelheiten von 128 neu, und vergrößert auf 512 durch ein Diffusionsmodell, das das kleine Bild sieht.",
  "Draws a picture anew from another: denoise says how much of it may change.":
    "Zeichnet ein Bild nach einem anderen neu: „Entrauschen“ sagt, wie viel davon sich ändern darf.",
  "Draws at 128 pixels, and enlarges four times by a diffusion model that sees the small picture.":
    "Zeichnet mit 128 Pixeln und vergrößert vierfach durch ein Diffusionsmodell, das das kleine Bild sieht.",
  "Draws small, and enlarges four times again and again, tile by tile: memory stays that of one tile.":
    "Zeichnet klein und vergrößert immer wieder vierfach, Kachel für Kachel: Der Speicher bleibt der einer Kachel.",
  "Draws small, enlarges the latent, and draws the details anew at the larger size.":
    "Zeichnet klein, vergrößert das Latent und zeichnet die Einzelheiten in der größeren Größe neu.",
  "Draws what the prompt says along the edges of a picture.":
    "Zeichnet, was der Prompt sagt, entlang der Kanten eines Bildes.",
  "Noise is added to the small picture, and the stage is told how much: what was not drawn well is not enlarged, but drawn anew. Soft outlines become sharp by enlarging, reducing and enlarging again; the last stage trusts what it sees.":
    "Dem kleinen Bild wird Rauschen beigegeben, und die Stufe erfährt, wie viel: Was nicht gut gezeichnet war, wird nicht vergrößert, sondern neu gezeichnet. Weiche Umrisse werden scharf, indem vergrößert, verkleinert und wieder vergrößert wird; die letzte Stufe traut dem, was sie sieht.",
  edges: "Kanten",
  "Edges by ControlNet": "Kanten mit ControlNet",
  Guidance: "Guidance",
  "Hi-res fix": "Hi-Res-Fix",
  "How much detail anew": "Wie viele Einzelheiten neu",
  "How much may change": "Wie viel sich ändern darf",
  "How strongly": "Wie stark",
  "Image to image": "Bild zu Bild",
  "image to image": "Bild zu Bild",
  Inpaint: "Inpainting",
  inpaint: "Inpainting",
  "Longer side": "Längere Seite",
  "Memory (GiB)": "Speicher (GiB)",
  "Noise on the small picture": "Rauschen auf dem kleinen Bild",
  "One model makes the first steps of a sampling, and another the last ones, as SDXL's base and refiner do.":
    "Ein Modell macht die ersten Schritte eines Samplings und ein anderes die letzten, wie Basis und Refiner von SDXL.",
  Picture: "Bild",
  "Picture with mask": "Bild mit Maske",
  "pixel space": "Pixelraum",
  Prompt: "Prompt",
  refiner: "Refiner",
  "Repaints the masked part of a picture and leaves the rest as it is.":
    "Malt den maskierten Teil eines Bildes neu und lässt den Rest, wie er ist.",
  Seed: "Seed",
  "start here": "zum Anfangen",
  Steps: "Schritte",
  "Steps of the base": "Schritte der Basis",
  "super-resolution": "Super-Resolution",
  "Text to image": "Text zu Bild",
  "text to image": "Text zu Bild",
  "The miniature model was trained on pictures of 128 pixels: above a denoise of about 0.3 it draws several small things at 256. A Stable Diffusion 1.5 model takes 0.5 here.":
    "Das Miniaturmodell hat an Bildern von 128 Pixeln gelernt: Über einem Entrauschen von etwa 0,3 zeichnet es bei 256 mehrere kleine Dinge. Ein Modell von Stable Diffusion 1.5 verträgt hier 0,5.",
  "The plan repeats the stage until the longer side is reached, in tiles that fit into the memory allowed, and says how long it takes before it starts. A run that is broken off goes on after the last finished tile.":
    "Der Plan wiederholt die Stufe, bis die längere Seite erreicht ist, in Kacheln, die in den erlaubten Speicher passen, und sagt vor dem Start, wie lange es dauert. Ein abgebrochener Lauf geht nach der letzten fertigen Kachel weiter.",
  "Three models in a row: one draws 64 pixels without an autoencoder, one draws the details of 128 anew in latents, one enlarges four times and sees the small picture. Press V on the cascade to see them side by side.":
    "Drei Modelle hintereinander: Eines zeichnet 64 Pixel ohne Autoencoder, eines zeichnet die Einzelheiten von 128 in Latents neu, eines vergrößert vierfach und sieht das kleine Bild. Drücke V auf der Kaskade, um sie nebeneinander zu sehen.",
  upscale: "Hochskalieren",
  "Upscale to 8K in tiles": "In Kacheln auf 8K vergrößern",
};
