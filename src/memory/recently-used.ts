/** Things by name, made when they are first asked for: so many of them at most, the longest unused gives way. */
export class RecentlyUsed<Value> {
  private readonly most: number
  private readonly make: () => Value
  /** The one used last is the last. */
  private readonly values = new Map<string, Value>()

  constructor(most: number, make: () => Value) {
    this.most = most
    this.make = make
  }

  of(name: string): Value {
    const value = this.values.get(name) ?? this.make()
    this.values.delete(name)
    this.values.set(name, value)
    if (this.values.size > this.most) this.values.delete(this.values.keys().next().value!)
    return value
  }
}
