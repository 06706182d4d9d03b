// What every widget needs of a page.

export const make = (name, className = "", textContent = "") =>
  Object.assign(document.createElement(name), { className, textContent });

// Bytes of the widget's state, a view of any kind.
export const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength).slice();

// A number's text with a true minus.
export const minus = (text) => String(text).replaceAll("-", "−");

// A number with so many digits behind the point; "–" for what is none.
export const fixed = (value, digits) => (Number.isFinite(value) ? minus(value.toFixed(digits)) : "–");

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Buttons that move a lens, for those who neither drag nor turn a wheel.
export function zoomButtons(lens) {
  const steps = [
    ["−", "Zoom out", 1 / 1.5],
    ["Fit", "Fit the whole picture", 0],
    ["+", "Zoom in", 1.5],
  ];
  return steps.map(([text, label, factor]) => {
    const button = Object.assign(make("button", "", text), { type: "button", title: label });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => lens.zoomBy(factor));
    return button;
  });
}
