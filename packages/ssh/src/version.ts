/** The version that stands in the identification line. */
export const version = '0.1.0';
