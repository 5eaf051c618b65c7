/** Disjoint sets of 0 to `count` - 1, each named by one member. Near enough O(1) per call. */
export class Groups {
  private readonly above: Int32Array

  constructor(count: number) {
    this.above = new Int32Array(count)
    for (let member = 0; member < count; member++) this.above[member] = member
  }

  of(member: number): number {
    let group = member
    while (this.above[group] !== group) group = this.above[group]!
    this.above[member] = group
    return group
  }

  /** The group of `into` keeps its name. */
  join(member: number, into: number): void {
    this.above[this.of(member)] = this.of(into)
  }
}
