// What every widget needs of a page.

export const make = (name, className = "", textContent = "") => Object.assign(document.createElement(name), { className, textContent });

// Bytes of the widget's state, a view of any kind.
export const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength).slice();

// A number's text with a true minus.
export const minus = (text) => String(text).replaceAll("-", "−");
