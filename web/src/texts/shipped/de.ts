/** What the shipped workflows say, in German, by their English words. */

export const workflowTexts: Readonly<Record<string, string>> = {
  "Three steps sharpen soft outlines; more of them leave speckles there. A noise level above 0 hides flaws of the small picture before it is enlarged. Add stages, in order, to go on from here; only what comes after a change runs again.":
    "Drei Schritte schärfen weiche Umrisse; mehr davon lassen dort Sprenkel zurück. Ein Rauschpegel über 0 verbirgt Fehler des kleinen Bildes, bevor es vergrößert wird. Hänge Stufen der Reihe nach an, um von hier weiterzugehen; nur was nach einer Änderung kommt, läuft noch einmal.",
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
  "Draws 64 pixels without an autoencoder, draws the details of 128 anew, sharpens them by a diffusion model that sees the small picture, and enlarges to 512.":
    "Zeichnet 64 Pixel ohne Autoencoder, zeichnet die Einzelheiten von 128 neu, schärft sie mit einem Diffusionsmodell, das das kleine Bild sieht, und vergrößert auf 512.",
  "Draws a picture anew from another: denoise says how much of it may change.":
    "Zeichnet ein Bild nach einem anderen neu: „Entrauschen“ sagt, wie viel davon sich ändern darf.",
  "Draws at 128 pixels, and enlarges four times by a diffusion model that sees the small picture; what is sharp now is reduced, and enlarged once more by a network that keeps outlines clean.":
    "Zeichnet mit 128 Pixeln und vergrößert vierfach mit einem Diffusionsmodell, das das kleine Bild sieht; was nun scharf ist, wird verkleinert und noch einmal von einem Netz vergrößert, das Umrisse sauber hält.",
  "Draws small, sharpens by enlarging and reducing, and enlarges four times again and again, tile by tile: memory stays that of one tile.":
    "Zeichnet klein, schärft durch Vergrößern und Verkleinern und vergrößert wieder und wieder vierfach, Kachel für Kachel: Der Speicher bleibt der einer Kachel.",
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
  "The miniature was trained on pictures of 128 pixels: alone it would draw several small things at 256. Deep shrink lets its depths see the picture at half the size for all but the last steps. A model that knows the larger size needs none.":
    "Das Miniaturmodell hat an Bildern von 128 Pixeln gelernt: Allein zeichnete es bei 256 mehrere kleine Dinge. Deep Shrink lässt seine Tiefen das Bild in halber Größe sehen, bis auf die letzten Schritte. Ein Modell, das die größere Größe kennt, braucht das nicht.",
  "The plan repeats the stage until the longer side is reached, in tiles that fit into the memory allowed, and says how long it takes before it starts. A run that is broken off goes on after the last finished tile.":
    "Der Plan wiederholt die Stufe, bis die längere Seite erreicht ist, in Kacheln, die in den erlaubten Speicher passen, und sagt vor dem Start, wie lange es dauert. Ein abgebrochener Lauf geht nach der letzten fertigen Kachel weiter.",
  "Four models in a row: one draws 64 pixels without an autoencoder, one draws the details of 128 anew in latents, one sharpens them by diffusion that sees the small picture, and one enlarges what is sharp. Press V on the cascade to see them side by side.":
    "Vier Modelle hintereinander: Eines zeichnet 64 Pixel ohne Autoencoder, eines zeichnet die Einzelheiten von 128 in Latents neu, eines schärft sie durch Diffusion, die das kleine Bild sieht, und eines vergrößert, was scharf ist. Drücke V auf der Kaskade, um sie nebeneinander zu sehen.",
  upscale: "Hochskalieren",
  "Upscale to 8K in tiles": "In Kacheln auf 8K vergrößern",
};
