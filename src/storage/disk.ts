// The port between durable writes and the disk: each write passes it first, so that a test can fill a disk without one.

/**
 * Asked before bytes are written to a path; it throws what the file system would. By default it lets everything pass.
 */
export const disk = {
  beforeWrite(_path: string, _bytes: number): void {
    // A real disk answers by itself.
  },
};
