@main struct Tunstack { static func main() {} }
