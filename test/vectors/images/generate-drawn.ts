// Writes the pictures of `drawn/`: things of CIFAR-100's classes, drawn, for trying the product out.
// Run it with: node test/vectors/images/generate-drawn.ts
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const FOLDER = new URL("./drawn/", import.meta.url);

const petals = Array.from({ length: 20 }, (_, index) => {
  const colour = index % 2 === 0 ? "#eeb211" : "#f7c51e";
  return `<ellipse cx="320" cy="95" rx="36" ry="95" fill="${colour}" transform="rotate(${index * 18} 320 220)"/>`;
});

const DRAWINGS: Record<string, string> = {
  orange: `
    <radialGradient id="peel" cx="40%" cy="35%">
      <stop offset="0" stop-color="#ffc060"/><stop offset=".6" stop-color="#f58a12"/><stop offset="1" stop-color="#b85a05"/>
    </radialGradient>
    <rect width="640" height="480" fill="#fff"/>
    <ellipse cx="330" cy="420" rx="190" ry="22" fill="#ccc"/>
    <circle cx="320" cy="235" r="195" fill="url(#peel)"/>
    <circle cx="325" cy="60" r="10" fill="#4b6b20"/>`,
  sea: `
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#6fa8dc"/><stop offset="1" stop-color="#dbeaf7"/></linearGradient>
    <linearGradient id="water" x2="0" y2="1"><stop stop-color="#1d4e79"/><stop offset="1" stop-color="#3f87b5"/></linearGradient>
    <rect width="640" height="240" fill="url(#sky)"/>
    <rect y="240" width="640" height="240" fill="url(#water)"/>`,
  sunflower: `
    <rect width="640" height="480" fill="#4f86c6"/>
    <rect x="305" y="250" width="26" height="230" fill="#3c7a2a"/>
    ${petals.join("")}
    <circle cx="320" cy="220" r="85" fill="#4a2c12"/>
    <circle cx="320" cy="220" r="50" fill="#33200c"/>`,
};

mkdirSync(FOLDER, { recursive: true });
for (const [name, drawing] of Object.entries(DRAWINGS)) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">${drawing}</svg>`;
  await sharp(Buffer.from(svg))
    .blur(1.2)
    .jpeg({ quality: 82 })
    .toFile(fileURLToPath(new URL(`${name}.jpg`, FOLDER)));
}
