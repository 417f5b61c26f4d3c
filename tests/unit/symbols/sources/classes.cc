// C++: inheritance, templates, references, namespaces, members of classes.
extern "C" void _start();

namespace space {
namespace inner {
struct point {
    int x, y;
    static int count;
};
int point::count = 4;
int depth = 2;
}  // namespace inner

class shape {
public:
    constexpr shape() = default;
    virtual int area() const { return width * height; }
    int width = 1;

protected:
    int height = 2;
    static const int corners = 4;
};

class square : public shape {
public:
    int area() const override { return width * width; }
    inner::point &origin;
    explicit square(inner::point &p) : origin(p) {}
    enum class kind : unsigned char { small, large } size = kind::large;
};

class left : virtual public shape {
    long l;
};

template <typename T, int N> struct array {
    T items[N];
    T sum() const
    {
        T total = T();
        for (int i = 0; i < N; i++)
            total += items[i];
        return total;
    }
};

template <typename T> T &&forward(T &value) { return static_cast<T &&>(value); }
}  // namespace space

namespace {
struct hidden {
    char *text;
    bool set : 1;
    decltype(nullptr) nothing;
} hidden_one;
int counter = 3;
}  // namespace

space::inner::point global_point = {1, 2};
space::array<int, 4> numbers;
space::array<space::inner::point *, 2> pointers;
space::left a_left;
int space::inner::point::*member_pointer;
int (space::shape::*method_pointer)() const;


extern "C" void __cxa_pure_virtual() {}

__attribute__((noinline)) static int use(const space::shape &shape) { return shape.area() + counter; }

int work()
{
    space::square square(global_point);
    auto lambda = [&](int n) { return n + use(square); };
    return lambda(3) + numbers.sum() + space::forward(space::inner::depth) + hidden_one.set;
}

void _start()
{
    for (;;)
        work();
}
