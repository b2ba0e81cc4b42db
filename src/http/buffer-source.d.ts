/** A type of the DOM, which the types of structured-headers name. */
type BufferSource = ArrayBufferView | ArrayBuffer;
